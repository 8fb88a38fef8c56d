defmodule Loquor.RulesTest do
  @moduledoc "What the C code may do on which thread, by what the header says that calls wait for."
  use ExUnit.Case, async: true
  import Loquor.Scene

  # With no time to wait, they do not; what they call under a lock is ours, and sends a message.
  @never_waiting ~w(loquor_stream_next loquor_encoding_get_voice loquor_stream_on_ready_once loquor_encoding_on_ready)

  defp code(file), do: Path.join([__DIR__, "..", "c_src", file]) |> File.read!() |> String.replace(~r{/\*.*?\*/}s, "")

  defp called(file),
    do: Regex.scan(~r/\bloquor_\w+(?=\()|(?<=, )loquor_\w+(?=\))/, code(file)) |> Enum.map(&hd/1) |> Enum.uniq()

  # The header's list: what is waited for, and the functions behind it.
  defp waits do
    header = File.read!(Path.join(prefix(), "include/loquor/loquor.h"))
    [_, list] = Regex.run(~r/What a call waits for, longest first\.(.*?)\*\//s, header)

    for entry <- String.split(list, ";"), [what, functions] <- [String.split(entry, ":", parts: 2)], into: %{} do
      what = what |> String.replace(~r/[\s*]+/, " ") |> String.trim()
      {what, Regex.scan(~r/loquor_\w+/, functions) |> List.flatten()}
    end
  end

  defp waiting(beginning) do
    {_, functions} = Enum.find(waits(), fn {what, _} -> String.contains?(what, beginning) end)
    functions
  end

  test "nothing on a normal scheduler waits" do
    waiting = waits() |> Map.values() |> List.flatten() |> Enum.uniq()
    assert length(waiting) > 25 and "loquor_engine_halt" in waiting
    assert (called("quick.c") -- @never_waiting) -- waiting == called("quick.c") -- @never_waiting
    assert called("quick.c") -- waiting != []
    assert code("quick.c") =~ "loquor_stream_next(stream, 0, &chunk)"
    assert code("quick.c") =~ "loquor_encoding_get_voice(request->it->encoding, 0, &voice)"
    refute code("quick.c") =~ ~r/sleep|pthread|enif_(mutex|cond|rwlock|thread)/
    # Else it runs where nif.c does not say.
    for [_, name] <- Regex.scan(~r/nif_(\w+), QUICK/, code("nif.c")),
        do: assert(code("quick.c") <> code("own.c") =~ "nif_#{name}(ErlNifEnv")

    for [_, name] <- Regex.scan(~r/nif_(\w+), (?:COMPUTES|READS)/, code("nif.c")),
        do: assert(code("dirty.c") =~ "nif_#{name}(ErlNifEnv")

    refute code("quick.c") <> code("dirty.c") =~ "enif_schedule_nif"
  end

  test "no dirty job waits for sound, a load or the end of an engine" do
    for what <- [
          "the load of a library",
          "the work itself",
          "the given time",
          "calls and whole speech",
          "the run of one graph"
        ] do
      assert [_ | _] = functions = waiting(what)
      # To watch an encoding waits for nothing that lasts.
      assert called("dirty.c") -- functions == called("dirty.c"), what
    end
  end

  test "engines are opened and closed on threads of the library's own, alone" do
    ends = waiting("calls and whole speech") ++ waiting("the run of one graph") ++ waiting("the load of a library")

    for file <- ~w(quick.c dirty.c terms.c nif.c),
        function <- ends,
        do: refute(function in called(file), "#{function} in #{file}")

    assert "loquor_engine_close" in called("own.c") and "loquor_engine_open" in called("own.c")
    # Of own.c a scheduler runs the function that begins it.
    [begins] = Regex.run(~r/^ERL_NIF_TERM nif_open\(.*?^\}/ms, code("own.c"))
    assert Regex.scan(~r/\bloquor_\w+(?=\()/, begins) |> List.flatten() == ["loquor_engine_options_init"]
  end

  test "chunks are copied, and stay when all else has gone" do
    refute Enum.any?(~w(quick.c dirty.c own.c terms.c), &(code(&1) =~ "enif_make_resource_binary"))
    engine = engine()
    chunks = Enum.to_list(Loquor.stream(engine, text()))
    kept = Enum.map(chunks, &:binary.copy(&1.samples))
    Loquor.Engine.close(engine)
    :erlang.garbage_collect()
    assert Enum.map(chunks, & &1.samples) == kept
    assert Enum.all?(chunks, &(:binary.referenced_byte_size(&1.samples) == byte_size(&1.samples)))
  end

  test "no scheduler is held while an engine opens, speaks and closes" do
    :erlang.system_monitor(self(), [{:long_schedule, 250}])
    engine = engine()
    tasks = listeners(engine, 8)
    {took, :ok} = :timer.tc(fn -> Loquor.Engine.close(engine) end)
    await(tasks)
    :erlang.system_monitor(:undefined)
    assert took < 250_000
    refute Enum.any?(held([]), &(inspect(&1) =~ "Loquor.Nif"))
  end

  defp held(all) do
    receive do
      {:monitor, _pid, :long_schedule, told} -> held([told | all])
    after
      0 -> all
    end
  end
end
