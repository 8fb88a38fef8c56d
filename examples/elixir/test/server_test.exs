defmodule Loquor.ServerTest do
  use ExUnit.Case, async: false
  import Loquor.Scene
  alias Loquor.Server

  test "many share one, and more than it takes are told that it is busy" do
    start_supervised!({Server, name: __MODULE__.Small, bundle: bundle(), slots: 1, max_queue: 2})

    results =
      1..12
      |> Enum.map(fn _ -> Task.async(fn -> Loquor.batched_run(__MODULE__.Small, text()) end) end)
      |> Task.await_many(120_000)

    {spoken, refused} = Enum.split_with(results, &match?({:ok, _}, &1))
    assert length(spoken) >= 2
    assert refused != [] and Enum.all?(refused, &(&1 == {:error, :busy}))
    assert {:ok, _} = Loquor.batched_run(__MODULE__.Small, "Hello.")
  end

  test "its memory is told by events" do
    me = self()

    :ok =
      Loquor.Telemetry.attach(me, [[:loquor, :engine, :memory]], fn _, bytes, meta, _ -> send(me, {bytes, meta}) end)

    server = start_supervised!({Server, bundle: bundle(), memory_every: 20})
    assert {:ok, _} = Loquor.batched_run(server, "Hello.")
    assert_receive {%{arenas: arenas, kv_cache: cache}, %{server: ^server}} when arenas > 0 and cache > 0, 5_000
    Loquor.Telemetry.detach(me)
  end

  test "one that cannot be opened does not start" do
    Process.flag(:trap_exit, true)
    assert {:error, %Loquor.Error{kind: :model}} = Server.start_link(bundle: System.tmp_dir!())
  end

  test "killed with 50 live streams, each ends whole or says closed, and the next one serves" do
    name = __MODULE__.Killed
    start_supervised!({Server, name: name, bundle: bundle(), max_queue: 100})

    whole =
      name
      |> listeners(50, text: "Hello world.")
      |> await()
      |> Enum.map(fn {:done, samples, _} -> byte_size(samples) end)

    tasks = listeners(name, 50, text: "Hello world.")
    old = Process.whereis(name)
    Process.exit(old, :kill)
    ended = await(tasks)

    for {{outcome, samples, _}, size} <- Enum.zip(ended, whole) do
      assert outcome == :closed or (outcome == :done and byte_size(samples) == size)
    end

    # They hold the engine that they were begun on.
    assert Enum.count(ended, &match?({:done, _, _}, &1)) == 50
    until(fn -> Process.whereis(name) not in [nil, old] end)
    assert {:ok, _} = Loquor.batched_run(name, "Hello.")
  end

  test "stopped with 50 live streams, each says closed or was whole" do
    name = __MODULE__.Stopped
    start_supervised!({Server, name: name, bundle: bundle(), max_queue: 100})
    tasks = listeners(name, 50)
    :ok = stop_supervised(name)

    outcomes =
      for {outcome, samples, info} <- await(tasks),
          do: {outcome, outcome == :closed or byte_size(samples) == 4 * info.samples_taken}

    assert Enum.all?(outcomes, fn {outcome, whole} -> whole and outcome in [:closed, :done] end)
    assert Enum.count(outcomes, &match?({:closed, _}, &1)) > 25
  end
end
