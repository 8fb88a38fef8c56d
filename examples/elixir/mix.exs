defmodule Mix.Tasks.Compile.LoquorNif do
  @shortdoc "Compiles the NIF and lays libloquor and ONNX Runtime beside it"
  @moduledoc """
  Where the package is comes from one call, `loquor pkgconfig-dir`, or from `LOQUOR_PREFIX` (the folder that has
  `include` and `lib`). ONNX Runtime's library is the one of `LOQUOR_ORT_LIBRARY`, or that of the package
  onnxruntime beside it. Both are copied into the application's `priv`: what runs here and what a release carries
  is the same.
  """
  use Mix.Task.Compiler

  @flags ~w(-std=c11 -O2 -fPIC -fvisibility=hidden -shared -Wall -Wextra -Wpedantic)
  # It stays where it is once it was loaded: threads of its own may still be on their way out.
  @link ~w(-Wl,-z,nodelete -Wl,-rpath,$ORIGIN)

  @impl true
  def run(_arguments) do
    prefix = prefix()
    library = only!(Path.join(prefix, "lib/libloquor.so.[0-9]*"), "libloquor")
    runtime = runtime(prefix)
    priv = Path.join(Mix.Project.app_path(), "priv")
    nif = Path.join(priv, "loquor_nif.so")
    sources = Path.wildcard("c_src/*.{c,h}")
    headers = Path.wildcard(Path.join(prefix, "include/loquor/*.h"))

    File.mkdir_p!(priv)
    lay(library, priv, "libloquor.so.*")
    lay(runtime, priv, "libonnxruntime.so*")

    if Mix.Utils.stale?(["mix.exs", library | sources ++ headers], [nif]) do
      compile(prefix, library, Enum.filter(sources, &String.ends_with?(&1, ".c")), nif)
    else
      {:noop, []}
    end
  end

  @impl true
  def clean, do: File.rm_rf!(Path.join(Mix.Project.app_path(), "priv"))

  defp compile(prefix, library, sources, nif) do
    erlang = Path.join([:code.root_dir(), "usr", "include"])
    # Another file, then its name: a library that is mapped is not written into.
    new = nif <> ".new"

    arguments =
      @flags ++
        ["-I", erlang, "-I", Path.join(prefix, "include")] ++
        sources ++ ["-o", new, library, "-lpthread"] ++ @link

    case System.cmd(System.get_env("CC", "cc"), arguments, stderr_to_stdout: true) do
      {"", 0} ->
        File.rename!(new, nif)
        {:ok, []}

      {told, code} ->
        Mix.shell().error(told)
        if code == 0, do: File.rename!(new, nif)
        if code == 0, do: {:ok, []}, else: {:error, []}
    end
  end

  defp prefix do
    System.get_env("LOQUOR_PREFIX") || told_by("loquor") |> Path.dirname() |> Path.dirname()
  end

  defp told_by(command) do
    with path when path != nil <- System.find_executable(command),
         {folder, 0} <- System.cmd(path, ["pkgconfig-dir"]) do
      String.trim(folder)
    else
      _ ->
        Mix.raise(
          "loquor is not on the PATH: install the package, or set LOQUOR_PREFIX to the folder with its include and lib"
        )
    end
  end

  defp runtime(prefix) do
    System.get_env("LOQUOR_ORT_LIBRARY") ||
      only!(Path.join(prefix, "../onnxruntime/capi/libonnxruntime.so*"), "ONNX Runtime's library")
  end

  defp only!(pattern, what) do
    case pattern |> Path.expand() |> Path.wildcard() do
      [] -> Mix.raise("#{what} is not there: nothing matches #{pattern}")
      found -> List.last(found)
    end
  end

  # A file of that name and size is taken for the same one, unless the other is newer.
  defp lay(file, priv, older) do
    to = Path.join(priv, Path.basename(file))

    unless same?(file, to) do
      Enum.each(Path.wildcard(Path.join(priv, older)), &File.rm!/1)
      File.cp!(file, to)
    end
  end

  defp same?(file, to) do
    with {:ok, from} <- File.stat(file), {:ok, there} <- File.stat(to) do
      from.size == there.size and from.mtime <= there.mtime
    else
      _ -> false
    end
  end
end

defmodule Loquor.MixProject do
  use Mix.Project

  def project do
    [
      app: :loquor,
      version: "0.1.0",
      elixir: "~> 1.14",
      compilers: [:loquor_nif] ++ Mix.compilers(),
      elixirc_options: [warnings_as_errors: true],
      elixirc_paths: if(Mix.env() == :test, do: ["lib", "test/support"], else: ["lib"]),
      start_permanent: Mix.env() == :prod,
      releases: [loquor: [include_executables_for: [:unix]]],
      deps: []
    ]
  end

  def application, do: [extra_applications: [:logger], mod: {Loquor.Application, []}]
end
