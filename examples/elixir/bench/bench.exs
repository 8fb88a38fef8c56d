defmodule Bench do
  @moduledoc "What the benchmarks share: the bundle, and figures of a list."

  def prefix do
    System.get_env("LOQUOR_PREFIX") ||
      System.cmd("loquor", ["pkgconfig-dir"]) |> elem(0) |> String.trim() |> Path.dirname() |> Path.dirname()
  end

  def bundle, do: System.get_env("LOQUOR_BUNDLE") || Path.join(prefix(), "mini")

  def text, do: "The quick brown fox jumps over the lazy dog, and then it sleeps in the sun."

  def number(default), do: List.first(Enum.map(System.argv(), &String.to_integer/1)) || default

  def now, do: System.monotonic_time(:microsecond)

  @doc "The share of a list's values that lie below: `at(list, 0.5)` is the median."
  def at(list, share) do
    sorted = Enum.sort(list)
    Enum.at(sorted, min(length(sorted) - 1, floor(share * length(sorted))))
  end

  @doc "Microseconds as milliseconds."
  def ms(microseconds), do: :erlang.float_to_binary(microseconds / 1000, decimals: 2)

  def told(list), do: "median #{ms(at(list, 0.5))}, p99 #{ms(at(list, 0.99))}, at most #{ms(Enum.max(list))} ms"

  def note_flags do
    unless System.get_env("ELIXIR_ERL_OPTIONS", "") =~ "+sbwt none" do
      IO.puts("note: without ELIXIR_ERL_OPTIONS='+sbwt none +sbwtdcpu none +sbwtdio none' the machine's threads spin")
    end
  end
end
