defmodule Loquor.ReleaseTest do
  use ExUnit.Case, async: false
  import Loquor.Scene

  @tag timeout: 300_000
  test "a release carries libloquor and the runtime beside each other, and speaks elsewhere without the package" do
    built = Path.join(System.tmp_dir!(), "loquor_release_#{System.pid()}")
    moved = built <> "_moved"
    on_exit(fn -> Enum.each([built, moved], &File.rm_rf!/1) end)

    {told, code} =
      System.cmd("mix", ["release", "--quiet", "--path", Path.join(built, "it")],
        stderr_to_stdout: true,
        env: [{"MIX_ENV", "prod"}, {"MIX_BUILD_PATH", Path.join(built, "build")}]
      )

    assert code == 0, told
    File.rename!(Path.join(built, "it"), moved)
    File.rm_rf!(built)
    [priv] = Path.wildcard(Path.join(moved, "lib/loquor-*/priv"))
    assert [_nif] = Path.wildcard(Path.join(priv, "loquor_nif.so"))
    assert [_] = Path.wildcard(Path.join(priv, "libloquor.so.*"))
    assert [_] = Path.wildcard(Path.join(priv, "libonnxruntime.so*"))

    speaks = "Code.eval_file(#{inspect(Path.join(__DIR__, "support/release_speaks.exs"))})"

    # Nothing of where it was built: no path, no package, no variable of ours.
    environment =
      [{"LOQUOR_BUNDLE", bundle()}, {"RELEASE_DISTRIBUTION", "none"}, {"PATH", "/usr/bin:/bin"}] ++
        for name <- ~w(LOQUOR_PREFIX LOQUOR_ORT_LIBRARY LD_LIBRARY_PATH MIX_ENV MIX_BUILD_PATH), do: {name, nil}

    {told, code} =
      System.cmd(Path.join(moved, "bin/loquor"), ["eval", speaks], stderr_to_stdout: true, env: environment)

    assert code == 0, told
    assert [_, _, _] = libraries = String.split(told, "\n", trim: true)
    assert Enum.all?(libraries, &String.starts_with?(&1, Path.join(moved, "lib/loquor-")))
  end
end
