defmodule Loquor.Engine do
  @moduledoc """
  One bundle, loaded. It belongs to the process that opened it: when that ends, the engine goes on for the streams
  that were begun, and is given back behind the last of them. `Loquor.Server` is an engine under a supervisor.
  """
  alias Loquor.{Error, Nif, Telemetry}

  @enforce_keys [:ref]
  defstruct [:ref, info: %{}, voices: %{}]

  @type t :: %__MODULE__{ref: reference(), info: map(), voices: %{(String.t() | nil) => reference()}}

  @doc """
  Opens the bundle of a folder, on a thread of its own; the caller waits for a message.

  Options are those of `loquor_engine_options` by name (`threads: 2`, `slots: 8`, `max_queue: 50`, `dtype: "q4"`),
  and `runtime:`, a path of ONNX Runtime's library in place of the one that is found beside libloquor.
  """
  @spec open(Path.t(), keyword()) :: {:ok, t()} | {:error, Error.t()}
  def open(bundle, options \\ []) do
    {runtime, options} = Keyword.pop(options, :runtime)
    started = System.monotonic_time()
    tag = make_ref()

    with {:ok, ref} <- Nif.open(Path.expand(bundle), runtime, options, tag),
         :ok <- opened(tag),
         {:ok, engine} <- described(ref) do
      Telemetry.execute([:engine, :open], %{duration: System.monotonic_time() - started}, engine.info)
      {:ok, engine}
    else
      {:error, _, _} = error -> Error.from(error)
    end
  end

  @doc "Closes it, on a thread of its own: returns at once, and its streams say `:closed` within one step."
  @spec close(t()) :: :ok
  def close(%__MODULE__{ref: ref}), do: Nif.close(ref, true)

  @doc "Gives it back, as its owner's end does: it goes on for the streams that were begun."
  @spec release(t()) :: :ok
  def release(%__MODULE__{ref: ref}), do: Nif.close(ref, false)

  @doc "Bytes of host memory that the machine's own figures do not show, by what for."
  @spec memory(t()) :: {:ok, map()} | {:error, Error.t()}
  def memory(%__MODULE__{ref: ref}) do
    with %{} = bytes <- Nif.memory(ref), do: {:ok, bytes}, else: (error -> Error.from(error))
  end

  @doc false
  # A voice as the NIF takes it: by name, `nil` the bundle's default, or one that was made or loaded.
  def voice(%__MODULE__{}, %Loquor.Voice{ref: ref}), do: {:ok, ref}

  def voice(%__MODULE__{} = engine, name) do
    with :error <- Map.fetch(engine.voices, name), do: Nif.voice(engine.ref, name)
  end

  defp opened(tag) do
    receive do
      {:loquor, ^tag, result} -> result
    end
  end

  # The bundle's own voices are read once: a request then reads no file.
  defp described(ref) do
    with %{voices: names} = info <- Nif.engine_info(ref) do
      voices = for name <- [nil | names], {:ok, voice} <- [Nif.voice(ref, name)], into: %{}, do: {name, voice}
      {:ok, %__MODULE__{ref: ref, info: %{info | voices: Enum.sort(names)}, voices: voices}}
    end
  end
end
