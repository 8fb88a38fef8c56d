defmodule Loquor.Stream do
  @moduledoc """
  Speech, chunk by chunk while it is made, for the process that began it: its owner. Its death cancels.

  `Loquor.stream/3` makes an Enumerable of it. A GenServer that must not wait reads by messages: `poll/1` gives what is
  there; after `:pending` a message `{:loquor, stream.tag, :ready}` comes, once, and then it polls again.
  """
  alias Loquor.{Chunk, Engine, Error, Nif}

  @enforce_keys [:ref, :tag]
  defstruct [:ref, :tag, warnings: []]

  @type t :: %__MODULE__{ref: reference(), tag: reference(), warnings: [String.t()]}

  # Options of a request that are no numbers for the core's tables.
  @ours [:voice, :language, :normalizer, :stream]

  @doc "Begins one; options as for `Loquor.stream/3`."
  @spec start(Engine.t(), String.t(), keyword()) :: {:ok, t()} | {:error, Error.t()}
  def start(%Engine{} = engine, text, options \\ []) do
    {ours, generation} = Keyword.split(options, @ours)
    reading = {ours[:language], ours[:normalizer]}
    tag = make_ref()

    with {:ok, voice} <- Engine.voice(engine, ours[:voice]),
         {:ok, ref, warnings} <-
           Nif.start(engine.ref, voice, text, reading, generation, Keyword.get(ours, :stream, []), tag) do
      {:ok, %__MODULE__{ref: ref, tag: tag, warnings: warnings}}
    else
      {:error, _, _} = error -> Error.from(error)
    end
  end

  @doc "What is there now; waits for nothing. After `:pending` a message says when to ask again."
  @spec poll(t()) :: {:ok, Chunk.t()} | :pending | {:done, map()} | {:error, Error.t()}
  def poll(%__MODULE__{ref: ref}) do
    case Nif.next(ref) do
      {:chunk, samples, rate, first, count} ->
        {:ok, %Chunk{samples: samples, sample_rate: rate, first_token: first, token_count: count}}

      {:error, _, _} = error ->
        Error.from(error)

      other ->
        other
    end
  end

  @doc "The next chunk; waits for a message. `:pending` after `timeout` milliseconds without one."
  @spec next(t(), timeout()) :: {:ok, Chunk.t()} | :pending | {:done, map()} | {:error, Error.t()}
  def next(%__MODULE__{tag: tag} = stream, timeout \\ :infinity) do
    with :pending <- poll(stream) do
      receive do
        {:loquor, ^tag, :ready} -> next(stream, timeout)
      after
        timeout -> :pending
      end
    end
  end

  @doc "Ends it within a step; what was not read is dropped. From any process, at once."
  @spec cancel(t()) :: :ok
  def cancel(%__MODULE__{ref: ref, tag: tag}) do
    Nif.cancel(ref)

    receive do
      {:loquor, ^tag, :ready} -> :ok
    after
      0 -> :ok
    end
  end

  @doc "How far it is, from any process; `:ended` once it was read to its end."
  @spec info(t()) :: map() | :ended
  def info(%__MODULE__{ref: ref}), do: Nif.info(ref)
end
