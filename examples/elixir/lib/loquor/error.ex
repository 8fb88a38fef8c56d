defmodule Loquor.Error do
  @moduledoc """
  What went wrong, as the core says it: what was tried, what was seen, what to do next.

  `kind` is `:cancelled` (by its caller), `:closed` (the engine went away), `:busy`, `:invalid_input`,
  `:runtime_missing`, `:model`, `:execution` or `:internal`.
  """
  defexception [:kind, :message]

  @type kind ::
          :cancelled | :closed | :busy | :invalid_input | :runtime_missing | :model | :execution | :internal
  @type t :: %__MODULE__{kind: kind(), message: String.t()}

  @doc false
  def from({:error, kind, message}), do: {:error, %__MODULE__{kind: kind, message: message}}
  def from(other), do: other
end
