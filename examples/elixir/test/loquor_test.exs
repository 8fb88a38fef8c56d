defmodule LoquorTest do
  use ExUnit.Case, async: false
  import Loquor.Scene
  alias Loquor.{Error, Speech, Voice}

  setup_all do
    %{engine: engine()}
  end

  test "a text is spoken as a whole and chunk by chunk", %{engine: engine} do
    {:ok, speech} = Loquor.run(engine, text(), voice: "man", seed: 7)
    assert Speech.seconds(speech) > 2 and speech.sample_rate == 24_000
    assert speech.info.finish_reason == :stop and byte_size(speech.samples) == 4 * speech.info.samples_taken

    chunks = Enum.to_list(Loquor.stream(engine, text(), voice: "man", seed: 7))
    assert length(chunks) > 1
    assert chunks |> Enum.map(&byte_size(&1.samples)) |> Enum.sum() == byte_size(speech.samples)

    assert Enum.map(chunks, & &1.first_token) ==
             Enum.scan([0 | Enum.map(chunks, & &1.token_count)], &+/2) |> Enum.drop(-1)

    assert Process.info(self(), :messages) == {:messages, []}

    <<"RIFF", size::little-32, "WAVE", _::binary>> = wav = Speech.wav(speech)
    assert byte_size(wav) == size + 8 and byte_size(wav) == 44 + div(byte_size(speech.samples), 2)
  end

  test "the same seed gives the same samples, another gives others", %{engine: engine} do
    [one, two, other] =
      for seed <- [1, 1, 2], do: elem(Loquor.run(engine, "Hello world.", seed: seed, temperature: 1), 1).samples

    assert one == two and one != other
  end

  test "what cannot be spoken is a typed error with a sentence", %{engine: engine} do
    for {options, said, part} <- [
          {[], "a\ab", "U+0007"},
          {[], <<255>>, "UTF-8"},
          {[], "a\0b", "NUL"},
          {[], 'hello', "binary"},
          {[temperature: -1], "Hello.", "temperature"},
          {[temprature: 1], "Hello.", "no option temprature"},
          {[top_k: 0.5], "Hello.", "top_k"},
          {[top_k: 4_294_967_296], "Hello.", "top_k"},
          {[temperature: 1.0e300], "Hello.", "temperature"},
          {[:seed], "Hello.", "keyword"},
          {[voice: "nobody"], "Hello.", "nobody"},
          {[language: 'de'], "Hello.", "language"},
          {[stream: [first_chunk: -1]], "Hello.", "first_chunk"}
        ] do
      options = if Keyword.keyword?(options), do: options, else: [stream: options]
      asked = if options[:stream] == [first_chunk: -1], do: &stream_error/3, else: &Loquor.run/3
      assert {:error, %Error{kind: :invalid_input, message: message}} = asked.(engine, said, options)
      assert message =~ part
    end

    assert_raise Error, ~r/U\+0007/, fn -> Enum.to_list(Loquor.stream(engine, "a\ab")) end
    {:ok, speech} = Loquor.run(engine, "Well. [sob]")
    assert [warning] = speech.warnings
    assert warning =~ "[sob]"
  end

  defp stream_error(engine, text, options), do: Loquor.Stream.start(engine, text, options)

  test "what is no bundle, runtime or option is told when it is opened" do
    assert {:error, %Error{kind: :model}} = Loquor.Engine.open(System.tmp_dir!())

    assert {:error, %Error{kind: :runtime_missing}} =
             Loquor.Engine.open(bundle(), runtime: "/nowhere/libonnxruntime.so")

    assert {:error, %Error{kind: :invalid_input, message: message}} = Loquor.Engine.open(bundle(), slots: "many")
    assert message =~ "slots"
    assert {:error, %Error{kind: :invalid_input}} = Loquor.Engine.open(bundle(), dtype: "q3")
  end

  test "a voice is made of a recording while the caller waits for a message", %{engine: engine} do
    {:ok, speech} = Loquor.run(engine, text(), voice: "woman", seed: 1)
    {:ok, voice} = Voice.encode(engine, speech.samples)
    assert {:ok, spoken} = Loquor.run(engine, "Hello world.", voice: voice)
    assert Speech.seconds(spoken) > 0.3

    assert {:error, %Error{kind: :invalid_input}} = Voice.encode(engine, <<>>)
    # A part of a binary, which begins where no float may.
    assert {:ok, %Voice{}} =
             Voice.encode(engine, binary_part(<<0, speech.samples::binary>>, 1, byte_size(speech.samples)))

    # One that is cancelled leaves no message behind; it may also have been made in time.
    for milliseconds <- [0, 0, 3, 10] do
      given_up = Voice.encode(engine, speech.samples, milliseconds)
      assert match?({:error, %Error{kind: :cancelled}}, given_up) or match?({:ok, %Voice{}}, given_up)
    end

    assert {:ok, %Voice{}} = Voice.encode(engine, speech.samples)
    assert Process.info(self(), :messages) == {:messages, []}
    assert {:error, %Error{kind: :invalid_input}} = Voice.load(engine, "/nowhere/voice.safetensors")
    assert {:ok, %Voice{}} = Voice.named(engine, "man")
  end

  test "a consumer that takes no more, or raises, cancels", %{engine: engine} do
    me = self()
    ref = make_ref()
    :ok = Loquor.Telemetry.attach(ref, [[:loquor, :stream, :stop]], fn _, m, meta, _ -> send(me, {ref, m, meta}) end)
    stream = Loquor.stream(engine, text())
    whole = stream |> Enum.map(&byte_size(&1.samples)) |> Enum.sum()
    assert_receive {^ref, %{samples: samples, tokens: tokens, real_time_factor: factor}, %{reason: :done}}
    assert samples * 4 == whole and tokens > 20 and factor > 0

    assert [_] = Enum.take(stream, 1)
    assert_receive {^ref, %{samples: samples}, %{reason: :cancelled}}
    assert samples * 4 < whole

    assert_raise RuntimeError, fn -> Enum.each(stream, fn _ -> raise "enough" end) end
    assert_receive {^ref, _, %{reason: :cancelled}}
    assert [{_, 1}, {_, 2}] = stream |> Stream.zip([1, 2]) |> Enum.to_list()
    assert_receive {^ref, _, %{reason: :cancelled}}
    assert Process.info(self(), :messages) == {:messages, []}
    assert :ok = Loquor.Telemetry.detach(ref)
    assert {:error, :not_found} = Loquor.Telemetry.detach(ref)
  end

  test "a stream is read by its owner alone, and cancelled by anybody", %{engine: engine} do
    {:ok, stream} = Loquor.Stream.start(engine, text())
    task = Task.async(fn -> catch_error(Loquor.Stream.poll(stream)) end)
    assert Task.await(task) == :badarg
    Task.await(Task.async(fn -> Loquor.Stream.cancel(stream) end))
    assert {:cancelled, <<>>, nil} = heard(stream)
    assert Loquor.Stream.info(stream) == :ended
    assert {:error, %Error{kind: :closed}} = Loquor.Stream.poll(stream)
    assert :ok = Loquor.Stream.cancel(stream)
  end

  test "cancelled by another while it waits, its reader wakes", %{engine: engine} do
    reader =
      Task.async(fn ->
        {:ok, stream} = Loquor.Stream.start(engine, text(), stream: [first_chunk: 0])
        send(self(), {:other, :message})
        Process.put(:stream, stream)
        heard(stream)
      end)

    {:dictionary, stream} = until_dictionary(reader.pid)
    Process.sleep(20)
    Loquor.Stream.cancel(stream)
    assert {:cancelled, <<>>, nil} = Task.await(reader)
  end

  defp until_dictionary(pid) do
    until(fn -> match?({:dictionary, [_ | _]}, Process.info(pid, :dictionary)) and stream_of(pid) != nil end)
    {:dictionary, stream_of(pid)}
  end

  defp stream_of(pid), do: pid |> Process.info(:dictionary) |> elem(1) |> Keyword.get(:stream)

  test "messages serve a process that may not wait", %{engine: engine} do
    {:ok, %{tag: tag} = stream} = Loquor.Stream.start(engine, text())

    polled = fn polled, count ->
      case Loquor.Stream.poll(stream) do
        :pending ->
          assert_receive {:loquor, ^tag, :ready}, 10_000
          polled.(polled, count)

        {:ok, _} ->
          polled.(polled, count + 1)

        {:done, _} ->
          count
      end
    end

    assert polled.(polled, 0) > 1
  end

  test "an engine that was closed says so, to its streams and to new ones" do
    engine = engine()
    [listener] = listeners(engine, 1)
    assert :ok = Loquor.Engine.close(engine)
    assert [{kind, _, _}] = await([listener])
    assert kind in [:closed, :done]
    assert {:error, %Error{kind: :closed}} = Loquor.run(engine, "Hello.")
    assert {:error, %Error{kind: :closed}} = Loquor.Engine.memory(engine)
    assert :ok = Loquor.Engine.close(engine)
  end

  test "a handler that raises is taken off" do
    :ok = Loquor.Telemetry.attach(:bad, [[:loquor, :x]], fn _, _, _, _ -> raise "bad" end)
    assert {:error, :already_exists} = Loquor.Telemetry.attach(:bad, [], fn _, _, _, _ -> nil end)
    log = ExUnit.CaptureLog.capture_log(fn -> Loquor.Telemetry.execute([:x], %{}, %{}) end)
    assert log =~ "taken off"
    assert {:error, :not_found} = Loquor.Telemetry.detach(:bad)
  end

  test "no Python is in the process" do
    maps = File.read!("/proc/self/maps")
    assert maps =~ "libloquor.so" and maps =~ "libonnxruntime.so"
    refute maps =~ "libpython"
  end
end
