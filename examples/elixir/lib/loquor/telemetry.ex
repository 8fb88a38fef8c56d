defmodule Loquor.Telemetry do
  @moduledoc """
  Events in telemetry's shape, without the package: a name, measurements, metadata. Where `:telemetry` is loaded they go
  there too. A handler that raises is taken off, and said so in the log.

  | event | measurements | metadata |
  | --- | --- | --- |
  | `[:loquor, :engine, :open]` | `duration` | what the engine tells of itself |
  | `[:loquor, :engine, :memory]` | `kv_cache`, `prefixes`, `arenas` in bytes, ... | `server` |
  | `[:loquor, :stream, :start]` | `system_time` | `characters` |
  | `[:loquor, :stream, :first_chunk]` | `duration` | `characters` |
  | `[:loquor, :stream, :stop]` | `duration`, `samples`, `tokens`, `real_time_factor` | `characters`, `reason` (`:done`, `:cancelled`) |
  | `[:loquor, :stream, :exception]` | `duration` | `characters`, `kind`, `message` |

  `duration` and `system_time` are in native units of time. The events of a stream are told by its consumer; one that is
  killed tells nothing more.
  """
  require Logger

  @handlers {__MODULE__, :handlers}

  @type handler :: ([atom()], map(), map(), term() -> any())

  @doc "Calls `fun.(event, measurements, metadata, config)` at each of these events, in the process where it happens."
  @spec attach(term(), [[atom()]], handler(), term()) :: :ok | {:error, :already_exists}
  def attach(id, events, fun, config \\ nil) when is_list(events) and is_function(fun, 4) do
    changed(fn handlers ->
      if Map.has_key?(handlers, id),
        do: {:error, :already_exists},
        else: {:ok, Map.put(handlers, id, {events, fun, config})}
    end)
  end

  @doc "Takes a handler off."
  @spec detach(term()) :: :ok | {:error, :not_found}
  def detach(id) do
    changed(fn handlers ->
      if Map.has_key?(handlers, id), do: {:ok, Map.delete(handlers, id)}, else: {:error, :not_found}
    end)
  end

  @doc false
  def execute(name, measurements, metadata) do
    event = [:loquor | name]

    for {id, {events, fun, config}} <- :persistent_term.get(@handlers, %{}), event in events do
      try do
        fun.(event, measurements, metadata, config)
      catch
        kind, reason ->
          detach(id)
          Logger.error("handler #{inspect(id)} is taken off: " <> Exception.format(kind, reason, __STACKTRACE__))
      end
    end

    if function_exported?(:telemetry, :execute, 3), do: apply(:telemetry, :execute, [event, measurements, metadata])
    :ok
  end

  # Handlers change seldom and are read at each event.
  defp changed(change) do
    :global.trans(
      {@handlers, self()},
      fn ->
        case change.(:persistent_term.get(@handlers, %{})) do
          {:ok, handlers} -> :persistent_term.put(@handlers, handlers)
          error -> error
        end
      end,
      [node()]
    )
  end
end
