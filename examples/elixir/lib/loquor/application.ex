defmodule Loquor.Application do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _arguments) do
    Supervisor.start_link([Loquor.Log], strategy: :one_for_one, name: Loquor.Supervisor)
  end
end

defmodule Loquor.Log do
  @moduledoc """
  The core's log in Elixir's: warnings such as a published graph that is slower than a prepared one. The least level is
  `config :loquor, log: :warning`.
  """
  use GenServer
  require Logger

  @doc false
  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @impl true
  def init(_) do
    Loquor.Nif.set_log(self(), Application.get_env(:loquor, :log, :warning))
    {:ok, nil}
  end

  @impl true
  def handle_info({:loquor_log, level, line}, state) do
    Logger.log(level, "loquor: " <> line)
    {:noreply, state}
  end
end
