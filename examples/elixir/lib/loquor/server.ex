defmodule Loquor.Server do
  @moduledoc """
  An engine under a supervisor:

      children = [{Loquor.Server, name: MyApp.Speech, bundle: "/srv/voices/mini", max_queue: 50}]

  Callers ask it for the engine and then read their streams themselves: no sample passes through it. Killed, it leaves
  the streams that were begun to their end, on the old engine, while its supervisor opens a new one; stopped by its
  supervisor, it closes the engine, and they say `:closed`.

  Options: `name`, `bundle`, `memory_every` (milliseconds between `[:loquor, :engine, :memory]` events, 10,000), and those of
  `Loquor.Engine.open/2`. More requests than `slots` and `max_queue` hold are refused as busy.
  """
  use GenServer
  alias Loquor.{Engine, Error, Telemetry}

  @memory_every 10_000

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    {start, options} = Keyword.split(options, [:name])
    GenServer.start_link(__MODULE__, options, start)
  end

  def child_spec(options) do
    %{id: Keyword.get(options, :name, __MODULE__), start: {__MODULE__, :start_link, [options]}, shutdown: 5_000}
  end

  @doc "The engine that it holds now."
  @spec engine(GenServer.server()) :: Engine.t()
  def engine(server), do: GenServer.call(server, :engine, :infinity)

  @impl true
  def init(options) do
    Process.flag(:trap_exit, true)
    {bundle, options} = Keyword.pop!(options, :bundle)
    {every, options} = Keyword.pop(options, :memory_every, @memory_every)

    case Engine.open(bundle, options) do
      {:ok, engine} -> {:ok, remind(%{engine: engine, every: every})}
      {:error, %Error{} = error} -> {:stop, error}
    end
  end

  @impl true
  def handle_call(:engine, _from, state), do: {:reply, state.engine, state}

  @impl true
  def handle_info(:memory, state) do
    with {:ok, bytes} <- Engine.memory(state.engine) do
      Telemetry.execute([:engine, :memory], bytes, %{server: self()})
    end

    {:noreply, remind(state)}
  end

  def handle_info(_other, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, state), do: Engine.close(state.engine)

  defp remind(state) do
    Process.send_after(self(), :memory, state.every)
    state
  end
end
