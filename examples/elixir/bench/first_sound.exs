# First sound and real-time factor beside a program in C, round by round in turn.
#
#   mix run bench/first_sound.exs [ROUNDS]
Code.require_file("bench.exs", __DIR__)
Bench.note_flags()
priv = :code.priv_dir(:loquor)
program = Path.join(System.tmp_dir!(), "loquor_reference_#{System.pid()}")
[library | _] = Path.wildcard(Path.join(priv, "libloquor.so.*"))

{_, 0} =
  System.cmd("cc", [
    "-std=c11",
    "-O2",
    "-I",
    Path.join(Bench.prefix(), "include"),
    Path.join(__DIR__, "reference.c"),
    "-o",
    program,
    library,
    "-Wl,-rpath,#{priv}"
  ])

port = Port.open({:spawn_executable, program}, [:binary, line: 100, args: [Bench.bundle(), Bench.text()]])
{:ok, engine} = Loquor.Engine.open(Bench.bundle())

in_c = fn ->
  Port.command(port, "\n")

  receive do
    {^port, {:data, {:eol, line}}} -> line |> String.split() |> Enum.map(&String.to_integer/1)
  end
end

in_elixir = fn ->
  begun = Bench.now()

  {first, samples} =
    engine
    |> Loquor.stream(Bench.text())
    |> Enum.reduce({nil, 0}, fn chunk, {first, samples} ->
      {first || Bench.now() - begun, samples + div(byte_size(chunk.samples), 4)}
    end)

  [first, Bench.now() - begun, samples]
end

for _ <- 1..3, do: {in_c.(), in_elixir.()}

rounds =
  for round <- 1..Bench.number(40) do
    if rem(round, 2) == 0 do
      c = in_c.()
      {c, in_elixir.()}
    else
      elixir = in_elixir.()
      {in_c.(), elixir}
    end
  end

{c, elixir} = Enum.unzip(rounds)
[_, _, samples] = hd(c)
true = Enum.all?(c ++ elixir, &match?([_, _, ^samples], &1))
seconds = samples / 24_000

for {name, index, unit} <- [{"first sound", 0, :ms}, {"real-time factor", 1, :factor}] do
  [ours, theirs] = for runs <- [elixir, c], do: runs |> Enum.map(&Enum.at(&1, index)) |> Bench.at(0.5)
  shown = fn value -> if unit == :ms, do: Bench.ms(value) <> " ms", else: Float.round(value / 1.0e6 / seconds, 4) end
  pairs = rounds |> Enum.map(fn {c, elixir} -> 1000 * Enum.at(elixir, index) / Enum.at(c, index) end) |> Bench.at(0.5)

  IO.puts(
    "#{name}: Elixir #{shown.(ours)}, C #{shown.(theirs)}, #{Float.round(ours / theirs, 3)} of it " <>
      "(median of the rounds' ratios #{Float.round(pairs / 1000, 3)})"
  )
end

File.rm!(program)
