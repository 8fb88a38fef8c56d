defmodule Loquor.LifeTest do
  use ExUnit.Case, async: false
  import Loquor.Scene

  @tag timeout: 600_000
  test "an owner that is killed cancels, a thousand times" do
    engine = engine()
    test = self()

    took =
      for number <- 1..1000 do
        owner =
          spawn(fn ->
            {:ok, stream} = Loquor.Stream.start(engine, text(), seed: number)
            send(test, {:stream, stream})
            heard(stream)
          end)

        assert_receive {:stream, stream}, 10_000
        if rem(number, 4) == 0, do: Process.sleep(rem(number, 13))
        Process.exit(owner, :kill)
        until(fn -> match?(%{cancelled: true}, Loquor.Stream.info(stream)) or ended?(stream) end)
      end

    sorted = Enum.sort(took)
    # On a machine that does other work, the slowest tell of that: bench/owners.exs tells them all.
    assert Enum.at(sorted, 500) < 5
    assert {:ok, _} = Loquor.run(engine, "Hello.")
  end

  defp ended?(stream), do: match?(%{ended: true}, Loquor.Stream.info(stream))

  test "an owner that is killed while its voice is made cancels" do
    engine = engine()
    {:ok, speech} = Loquor.run(engine, text())

    for _ <- 1..5 do
      owner = spawn(fn -> Loquor.Voice.encode(engine, speech.samples) end)
      Process.sleep(5)
      Process.exit(owner, :kill)
    end

    assert {:ok, _} = Loquor.Voice.encode(engine, speech.samples)
  end

  test "an engine whose owner is killed is given back, whoever still has a term of it" do
    test = self()
    owner = spawn(fn -> send(test, {:engine, engine()}) && Process.sleep(:infinity) end)
    assert_receive {:engine, engine}, 30_000
    assert {:ok, _} = Loquor.run(engine, "Hello.")
    Process.exit(owner, :kill)
    until(fn -> match?({:error, %{kind: :closed}}, Loquor.Engine.memory(engine)) end)
  end

  test "the library is upgraded beneath live streams, which lose no sample" do
    engine = engine(batching: false)
    options = [stream: [adaptive: false]]
    whole = engine |> listeners(6, options) |> await()
    priv = :code.priv_dir(:loquor)
    # Another file, as a new release brings one: its code is another, in another place.
    other = Path.join(System.tmp_dir!(), "loquor_upgrade_#{System.pid()}")
    File.cp_r!(priv, other)

    on_exit(fn ->
      Application.delete_env(:loquor, :nif)
      File.rm_rf!(other)
    end)

    tasks = listeners(engine, 6, options)

    for file <- [Path.join(other, "loquor_nif"), Path.join(priv, "loquor_nif"), Path.join(other, "loquor_nif")] do
      Application.put_env(:loquor, :nif, file)
      Process.sleep(30)
      until(fn -> :code.soft_purge(Loquor.Nif) end)
      assert {:module, Loquor.Nif} = :code.load_file(Loquor.Nif)
    end

    upgraded = await(tasks)
    assert File.read!("/proc/self/maps") =~ other
    assert Enum.map(upgraded, &elem(&1, 1)) == Enum.map(whole, &elem(&1, 1))
    assert Enum.all?(upgraded, &match?({:done, _, %{finish_reason: :stop}}, &1))

    # What the old library began, the new one ends.
    owner = spawn(fn -> heard(elem(Loquor.Stream.start(engine, text()), 1)) end)
    Process.exit(owner, :kill)
    assert {:ok, _} = Loquor.run(engine, "Hello.")
  end

  # Before a release: LOQUOR_UNLOADS=50 LOQUOR_NODE_ENDS=200.
  test "the library is unloaded and loaded again and again" do
    times = System.get_env("LOQUOR_UNLOADS", "5")
    said = "unloaded #{times} times\n"
    assert {^said, 0} = script("unload.exs", [times])
  end

  test "the node ends with live streams, with exit code 0" do
    for number <- 1..String.to_integer(System.get_env("LOQUOR_NODE_ENDS", "3")) do
      way = Enum.at(~w(halt stop end), rem(number, 3))
      assert {"", 0} = script("node_end.exs", [way])
    end
  end
end
