# Speaks in a release, and tells which libraries are mapped, a line each.
{:ok, engine} = Loquor.Engine.open(System.fetch_env!("LOQUOR_BUNDLE"))
{:ok, speech} = Loquor.run(engine, "Hello world.")
true = Loquor.Speech.seconds(speech) > 0.5

~r{\S+/(?:loquor_nif|libloquor|libonnxruntime)\.so\S*}
|> Regex.scan(File.read!("/proc/self/maps"))
|> List.flatten()
|> Enum.uniq()
|> Enum.each(&IO.puts/1)
