# Fifty streams at once: how late a ticker of 1 ms is meanwhile, and how long file access takes.
#
#   mix run bench/together.exs [STREAMS]
Code.require_file("bench.exs", __DIR__)
Bench.note_flags()
streams = Bench.number(50)
{:ok, server} = Loquor.Server.start_link(bundle: Bench.bundle(), max_queue: streams)
{:ok, _} = Loquor.run(server, "Hello world.")
file = Path.join(System.tmp_dir!(), "loquor_bench_#{System.pid()}")
File.write!(file, :binary.copy("0123456789abcdef", 4096))

defmodule Beside do
  def ticks(late) do
    begun = Bench.now()

    receive do
      {:stop, to} -> send(to, {:late, late})
    after
      1 -> ticks([Bench.now() - begun - 1000 | late])
    end
  end

  def reads(file, took) do
    begun = Bench.now()
    {:ok, _} = File.read(file)
    took = [Bench.now() - begun | took]

    receive do
      {:stop, to} -> send(to, {:took, took})
    after
      2 -> reads(file, took)
    end
  end
end

beside = fn work ->
  ticker = spawn_link(fn -> Beside.ticks([]) end)
  reader = spawn_link(fn -> Beside.reads(file, []) end)
  result = work.()
  for pid <- [ticker, reader], do: send(pid, {:stop, self()})
  late = receive do: ({:late, late} -> late)
  took = receive do: ({:took, took} -> took)
  IO.puts("  ticker of 1 ms, late by: #{Bench.told(late)}")
  IO.puts("  reading 64 KB:           #{Bench.told(took)}")
  result
end

IO.puts("nothing else:")
beside.(fn -> Process.sleep(2000) end)
IO.puts("#{streams} streams:")
begun = Bench.now()

seconds =
  beside.(fn ->
    1..streams
    |> Enum.map(fn n -> Task.async(fn -> Loquor.stream(server, Bench.text(), seed: n) |> Enum.to_list() end) end)
    |> Task.await_many(600_000)
    |> Enum.map(fn chunks -> chunks |> Enum.map(&byte_size(&1.samples)) |> Enum.sum() end)
    |> then(&(Enum.sum(&1) / 4 / 24_000))
  end)

IO.puts("  #{Float.round(seconds, 1)} s of speech in #{Float.round((Bench.now() - begun) / 1.0e6, 1)} s")
File.rm!(file)
