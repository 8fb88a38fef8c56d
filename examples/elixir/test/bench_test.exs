defmodule Loquor.BenchTest do
  use ExUnit.Case, async: false
  import Loquor.Scene

  for {name, count, part} <- [
        {"first_sound", "2", "real-time factor: Elixir"},
        {"together", "2", "ticker of 1 ms"},
        {"owners", "4", "cancelled after"},
        {"utterances", "4", "the machine's own"}
      ] do
    test "bench/#{name}.exs tells its figures" do
      file = Path.join("../../bench", unquote(name) <> ".exs")
      assert {told, 0} = script(file, [unquote(count)])
      assert told =~ unquote(part), told
    end
  end
end
