Logger.configure(level: :error)
ExUnit.start(timeout: 300_000)
