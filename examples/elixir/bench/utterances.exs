# Whether memory stays as it is: many utterances, and what the process holds, ten times in between.
#
#   mix run bench/utterances.exs [UTTERANCES]
Code.require_file("bench.exs", __DIR__)
Bench.note_flags()
count = Bench.number(10_000)
{:ok, server} = Loquor.Server.start_link(bundle: Bench.bundle())

held = fn ->
  [_, kilobytes] = Regex.run(~r/VmRSS:\s+(\d+)/, File.read!("/proc/self/status"))
  {:ok, bytes} = Loquor.Engine.memory(Loquor.Server.engine(server))
  {String.to_integer(kilobytes) / 1024, :erlang.memory(:total) / 1.0e6, bytes.arenas / 1.0e6}
end

for n <- 1..count do
  {:ok, _} = Loquor.batched_run(server, "Hello.", seed: rem(n, 50))

  if rem(n, max(1, div(count, 10))) == 0 do
    {process, machine, arenas} = held.()
    shown = for value <- [process, machine, arenas], do: :erlang.float_to_binary(value, decimals: 1)

    IO.puts(
      "#{n}: process #{hd(shown)} MiB, the machine's own #{Enum.at(shown, 1)} MB, arenas #{Enum.at(shown, 2)} MB"
    )
  end
end
