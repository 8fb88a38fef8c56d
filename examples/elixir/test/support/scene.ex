defmodule Loquor.Scene do
  @moduledoc "What tests speak with: the built-in voice's bundle, an engine, and other virtual machines."
  import ExUnit.Assertions

  @text "The quick brown fox jumps over the lazy dog, and then it sleeps in the sun."

  def text, do: @text

  @doc "The package's folder, which has `include`, `lib` and the built-in voice's bundle."
  def prefix do
    System.get_env("LOQUOR_PREFIX") ||
      System.cmd("loquor", ["pkgconfig-dir"]) |> elem(0) |> String.trim() |> Path.dirname() |> Path.dirname()
  end

  def bundle, do: System.get_env("LOQUOR_BUNDLE") || Path.join(prefix(), "mini")

  def engine(options \\ []) do
    {:ok, engine} = Loquor.Engine.open(bundle(), options)
    engine
  end

  @doc "A stream's outcome and the samples that were heard of it."
  def heard(stream, samples \\ []) do
    case Loquor.Stream.next(stream) do
      {:ok, chunk} -> heard(stream, [samples | chunk.samples])
      {:done, info} -> {:done, IO.iodata_to_binary(samples), info}
      {:error, error} -> {error.kind, IO.iodata_to_binary(samples), nil}
    end
  end

  @doc "Listeners, each a process with a stream of its own, all of which have begun; `heard/1` of each by `await/1`."
  def listeners(target, count, options \\ []) do
    test = self()
    {text, options} = Keyword.pop(options, :text, @text)

    tasks =
      for number <- 1..count do
        Task.async(fn ->
          engine = if is_struct(target, Loquor.Engine), do: target, else: Loquor.Server.engine(target)
          {:ok, stream} = Loquor.Stream.start(engine, text, [seed: number] ++ options)
          send(test, {:began, self()})
          heard(stream)
        end)
      end

    for task <- tasks, do: assert_receive({:began, pid} when pid == task.pid, 60_000)
    tasks
  end

  def await(tasks), do: Task.await_many(tasks, 240_000)

  @doc "Runs a script of test/support in a virtual machine of its own: what it said, and its exit code."
  def script(name, arguments \\ [], environment \\ []) do
    ebin = Path.join(Mix.Project.app_path(), "ebin")
    file = Path.expand(name, __DIR__)

    System.cmd("elixir", ["-pa", ebin, "--erl", "+sbwt none +sbwtdcpu none +sbwtdio none", file | arguments],
      stderr_to_stdout: true,
      env: [{"LOQUOR_BUNDLE", bundle()} | environment]
    )
  end

  @doc "Waits for what will be true; how many milliseconds it took."
  def until(true?, deadline \\ 30_000, since \\ System.monotonic_time(:microsecond)) do
    now = System.monotonic_time(:microsecond)

    cond do
      true?.() -> (now - since) / 1000
      now - since > deadline * 1000 -> flunk("not within #{deadline} ms")
      true -> :erlang.yield() && until(true?, deadline, since)
    end
  end
end
