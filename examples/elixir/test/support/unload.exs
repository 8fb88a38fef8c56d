# Loads the NIF, speaks, and unloads it, again and again.
times = System.argv() |> hd() |> String.to_integer()
bundle = System.fetch_env!("LOQUOR_BUNDLE")
threads = fn -> length(File.ls!("/proc/self/task")) end

settled = fn settled, true?, left ->
  cond do
    true?.() -> :ok
    left == 0 -> raise "it does not come to an end"
    true -> Process.sleep(5) && settled.(settled, true?, left - 1)
  end
end

before = threads.()

for number <- 1..times do
  {:module, Loquor.Nif} = Code.ensure_loaded(Loquor.Nif)

  # A process of its own: its terms go with it.
  Task.await(
    Task.async(fn ->
      {:ok, engine} = Loquor.Engine.open(bundle, threads: 1)
      {:ok, speech} = Loquor.run(engine, "Hello.", seed: 1)
      true = byte_size(speech.samples) > 10_000
      if rem(number, 2) == 0, do: Loquor.Engine.close(engine)
      :ok
    end),
    60_000
  )

  true = :code.delete(Loquor.Nif)
  :code.purge(Loquor.Nif)
  # Its thread ends behind the engine's.
  settled.(settled, fn -> threads.() <= before end, 2_000)
end

IO.puts("unloaded #{times} times")
