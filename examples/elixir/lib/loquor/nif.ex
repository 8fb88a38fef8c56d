defmodule Loquor.Nif do
  @moduledoc """
  The functions of `c_src`. Which of them runs on which thread is told there; none waits for sound. Use `Loquor`.
  """
  @on_load :load

  @doc false
  def load do
    # Another file may be named, as for an upgrade of the library beneath what is alive.
    file = Application.get_env(:loquor, :nif) || Path.join(:code.priv_dir(:loquor), "loquor_nif")
    :erlang.load_nif(String.to_charlist(file), 0)
  end

  def open(_bundle, _runtime, _options, _tag), do: missing()
  def close(_engine, _halt), do: missing()
  def engine_info(_engine), do: missing()
  def next(_stream), do: missing()
  def cancel(_request), do: missing()
  def info(_stream), do: missing()
  def voice_ready(_encoding), do: missing()
  def version, do: missing()
  def start(_engine, _voice, _text, _reading, _generation, _streaming, _tag), do: missing()
  def encode(_engine, _samples, _tag), do: missing()
  def voice(_engine, _name), do: missing()
  def voice_file(_engine, _path), do: missing()
  def memory(_engine), do: missing()
  def set_log(_pid, _level), do: missing()

  defp missing, do: :erlang.nif_error(:not_loaded)
end
