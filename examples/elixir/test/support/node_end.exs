# Ends the virtual machine in one of its ways while ten streams are live. Exits with 0.
[way] = System.argv()
Application.put_env(:loquor, :log, :error)
{:ok, _} = Application.ensure_all_started(:loquor)
{:ok, engine} = Loquor.Engine.open(System.fetch_env!("LOQUOR_BUNDLE"), max_queue: 20)
script = self()

for number <- 1..10 do
  spawn(fn ->
    engine
    |> Loquor.stream("The quick brown fox jumps over the lazy dog, and then it sleeps in the sun.", seed: number)
    |> Enum.each(fn _ -> send(script, :heard) end)
  end)
end

receive do: (:heard -> :ok)
Process.sleep(:rand.uniform(30))

case way do
  "halt" -> System.halt(0)
  "stop" -> System.stop(0) && Process.sleep(:infinity)
  "end" -> :ok
end
