# Speaks a text: raw float32 samples on standard output while they are made.
#
#   mix run speak.exs RUNTIME_LIBRARY BUNDLE_FOLDER VOICE TEXT
#
# Exits with 0 or the loquor_status of what failed.
codes = %{
  cancelled: 1,
  invalid_input: 2,
  runtime_missing: 3,
  model: 4,
  execution: 5,
  internal: 6,
  busy: 7,
  closed: 10
}

speak = fn runtime, bundle, voice, text ->
  with {:ok, engine} <- Loquor.Engine.open(bundle, runtime: runtime),
       {:ok, stream} <- Loquor.Stream.start(engine, text, voice: voice) do
    Enum.each(stream.warnings, &IO.puts(:stderr, "speak: warning: #{&1}"))

    fn -> Loquor.Stream.next(stream) end
    |> Stream.repeatedly()
    |> Enum.find_value(fn
      {:ok, chunk} -> if :ok != IO.binwrite(chunk.samples), do: {:error, :output}
      {:done, _info} -> :ok
      {:error, error} -> {:error, error}
    end)
  end
end

case System.argv() do
  [runtime, bundle, voice, text] ->
    :io.setopts(:standard_io, encoding: :latin1)

    with {:error, %Loquor.Error{} = error} <- speak.(runtime, bundle, voice, text) do
      IO.puts(:stderr, "speak: #{error.message}")
      System.halt(codes[error.kind])
    end

  _ ->
    IO.puts(:stderr, "usage: mix run speak.exs RUNTIME_LIBRARY BUNDLE_FOLDER VOICE TEXT")
    System.halt(64)
end
