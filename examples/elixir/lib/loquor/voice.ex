defmodule Loquor.Voice do
  @moduledoc "A voice to speak in, for any number of requests. It outlives its engine."
  alias Loquor.{Engine, Error, Nif}

  @enforce_keys [:ref]
  defstruct [:ref]

  @type t :: %__MODULE__{ref: reference()}

  @doc "One of the bundle's own by name (`nil`: its default)."
  @spec named(Engine.t(), String.t() | nil) :: {:ok, t()} | {:error, Error.t()}
  def named(%Engine{ref: ref}, name), do: wrapped(Nif.voice(ref, name))

  @doc "One that was saved: the files that `loquor voice` and Python's `Voice.save` write."
  @spec load(Engine.t(), Path.t()) :: {:ok, t()} | {:error, Error.t()}
  def load(%Engine{ref: ref}, path), do: wrapped(Nif.voice_file(ref, path))

  @doc """
  Makes one of a recording: float32 samples of this machine's byte order, mono at the engine's rate, at -27 LUFS, 30 s
  at most. The caller waits for a message, nothing else does; its death cancels.
  """
  @spec encode(Engine.t(), binary(), timeout()) :: {:ok, t()} | {:error, Error.t()}
  def encode(%Engine{ref: ref}, samples, timeout \\ :infinity) do
    tag = make_ref()

    with {:ok, encoding} <- Nif.encode(ref, samples, tag) do
      receive do
        {:loquor, ^tag, :ready} -> wrapped(Nif.voice_ready(encoding))
      after
        timeout ->
          Nif.cancel(encoding)
          # It told that at once, and tells no more.
          receive do: ({:loquor, ^tag, :ready} -> :ok)
          {:error, %Error{kind: :cancelled, message: "no voice within #{timeout} ms: cancelled"}}
      end
    else
      error -> Error.from(error)
    end
  end

  defp wrapped({:ok, ref}), do: {:ok, %__MODULE__{ref: ref}}
  defp wrapped(error), do: Error.from(error)
end
