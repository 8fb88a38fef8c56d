# How soon the work of an owner that is killed has ended.
#
#   mix run bench/owners.exs [TIMES]
Code.require_file("bench.exs", __DIR__)
Bench.note_flags()
{:ok, engine} = Loquor.Engine.open(Bench.bundle())
test = self()

defmodule Until do
  def true?(check, since) do
    if check.(), do: Bench.now() - since, else: :erlang.yield() && true?(check, since)
  end
end

{cancelled, ended} =
  for n <- 1..Bench.number(1000) do
    owner =
      spawn(fn ->
        {:ok, stream} = Loquor.Stream.start(engine, Bench.text(), seed: n)
        send(test, {:stream, stream})
        Stream.repeatedly(fn -> Loquor.Stream.next(stream) end) |> Enum.find(&match?({:done, _}, &1))
      end)

    stream = receive do: ({:stream, stream} -> stream)
    Process.sleep(rem(n, 20))
    since = Bench.now()
    Process.exit(owner, :kill)
    info = fn -> Loquor.Stream.info(stream) end
    {Until.true?(fn -> info.().cancelled or info.().ended end, since), Until.true?(fn -> info.().ended end, since)}
  end
  |> Enum.unzip()

IO.puts("cancelled after: #{Bench.told(cancelled)}")
IO.puts("its work ended:  #{Bench.told(ended)}")
