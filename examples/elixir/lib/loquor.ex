defmodule Loquor do
  @moduledoc """
  Text to speech in the virtual machine, by Loquor's core.

      {:ok, speech} = Loquor.batched_run(MyApp.Speech, "Hello world.", voice: "man")
      File.write!("hello.wav", Loquor.Speech.wav(speech))

      MyApp.Speech
      |> Loquor.stream("The first words are heard while the rest is made.")
      |> Enum.each(&play(&1.samples))

  As of `Nx.Serving`: `run/3` on an engine that the caller holds, `batched_run/3` on a supervised `Loquor.Server` that
  many callers share, whose decode steps the engine batches.

  Options of a request: `voice` (a name or a `Loquor.Voice`), `language`, `normalizer`, those of generation by name
  (`seed: 42`, `temperature: 0.7`), and `stream:` with those of `loquor_stream_options` (`stream: [first_chunk: 10]`);
  docs/options.md lists them.
  """
  alias Loquor.{Chunk, Engine, Error, Server, Speech, Telemetry}

  @type target :: Engine.t() | GenServer.server()

  @doc "Speaks a text as a whole, on an engine or a server."
  @spec run(target(), String.t(), keyword()) :: {:ok, Speech.t()} | {:error, Error.t()}
  def run(target, text, options \\ []) do
    # One chunk, at the end: the samples are those of `loquor say`.
    options = Keyword.update(options, :stream, [first_chunk: 0], &Keyword.put(&1, :first_chunk, 0))

    with {:ok, told} <- begin(target, text, options), do: collected(told, [])
  end

  @doc """
  The same on a server that many share: `{:error, :busy}` when as many requests wait as it takes. Exits, as a call does,
  where there is no such server.
  """
  @spec batched_run(GenServer.server(), String.t(), keyword()) :: {:ok, Speech.t()} | {:error, :busy | Error.t()}
  def batched_run(server, text, options \\ []) do
    with {:error, %Error{kind: :busy}} <- run(server, text, options), do: {:error, :busy}
  end

  @doc """
  An Enumerable of `Loquor.Chunk`s. Each enumeration is a request, which begins with it and is pulled by it: it is cancelled
  when its consumer takes no more, raises, or dies. Raises `Loquor.Error`.
  """
  @spec stream(target(), String.t(), keyword()) :: Enumerable.t()
  def stream(target, text, options \\ []) do
    Stream.resource(
      fn ->
        case begin(target, text, options) do
          {:ok, told} -> told
          {:error, error} -> raise error
        end
      end,
      fn told ->
        case pulled(told) do
          {:ok, chunk, told} -> {[chunk], told}
          {:done, _info, told} -> {:halt, told}
          {:error, error, _told} -> raise error
        end
      end,
      &left/1
    )
  end

  # A stream with what its events tell: since when, and whether it was heard or ended.
  defp begin(target, text, options) do
    metadata = %{characters: if(is_binary(text), do: String.length(text))}
    Telemetry.execute([:stream, :start], %{system_time: System.system_time()}, metadata)
    told = %{stream: nil, since: System.monotonic_time(), metadata: metadata, heard: 0, ended: false}

    case Loquor.Stream.start(engine(target), text, options) do
      {:ok, stream} -> {:ok, %{told | stream: stream}}
      {:error, error} -> {:error, failed(told, error)}
    end
  end

  defp engine(%Engine{} = engine), do: engine
  defp engine(server), do: Server.engine(server)

  defp pulled(told) do
    case Loquor.Stream.next(told.stream) do
      {:ok, %Chunk{} = chunk} ->
        if told.heard == 0, do: Telemetry.execute([:stream, :first_chunk], %{duration: lasted(told)}, told.metadata)
        rate = chunk.sample_rate
        {:ok, chunk, %{told | heard: told.heard + div(byte_size(chunk.samples), 4)} |> Map.put(:rate, rate)}

      {:done, info} ->
        ended(told, :done, info.tokens)
        {:done, info, %{told | ended: true}}

      {:error, error} ->
        {:error, failed(told, error), %{told | ended: true}}
    end
  end

  defp collected(told, samples) do
    case pulled(told) do
      {:ok, chunk, told} ->
        collected(told, [samples | chunk.samples])

      {:done, info, told} ->
        {:ok,
         %Speech{
           samples: IO.iodata_to_binary(samples),
           sample_rate: told.rate,
           info: info,
           warnings: told.stream.warnings
         }}

      {:error, error, _told} ->
        {:error, error}
    end
  end

  # Also behind an exception of the consumer's or of ours.
  defp left(%{ended: true}), do: :ok

  defp left(told) do
    tokens = with %{tokens: count} <- Loquor.Stream.info(told.stream), do: count, else: (_ -> nil)
    Loquor.Stream.cancel(told.stream)
    if tokens, do: ended(told, :cancelled, tokens)
    :ok
  end

  defp ended(told, reason, tokens) do
    duration = lasted(told)
    seconds = System.convert_time_unit(duration, :native, :microsecond) / 1.0e6
    factor = if told.heard > 0, do: seconds * told.rate / told.heard

    Telemetry.execute(
      [:stream, :stop],
      %{duration: duration, samples: told.heard, tokens: tokens, real_time_factor: factor},
      Map.put(told.metadata, :reason, reason)
    )
  end

  defp failed(told, error) do
    Telemetry.execute(
      [:stream, :exception],
      %{duration: lasted(told)},
      Map.merge(told.metadata, %{kind: error.kind, message: error.message})
    )

    error
  end

  defp lasted(told), do: System.monotonic_time() - told.since
end
