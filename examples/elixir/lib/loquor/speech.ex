defmodule Loquor.Chunk do
  @moduledoc """
  A piece of speech. `samples`: mono, float32 in this machine's byte order, finite; a copy, so it is safe to keep.
  Tokens are counted in speech codes, 25 a second.
  """
  @enforce_keys [:samples, :sample_rate]
  defstruct [:samples, :sample_rate, :first_token, :token_count]

  @type t :: %__MODULE__{
          samples: binary(),
          sample_rate: pos_integer(),
          first_token: non_neg_integer(),
          token_count: non_neg_integer()
        }
end

defmodule Loquor.Speech do
  @moduledoc "Speech as a whole. `samples` as of `Loquor.Chunk`; `info`: what the core tells of its making."
  @enforce_keys [:samples, :sample_rate]
  defstruct [:samples, :sample_rate, info: %{}, warnings: []]

  @type t :: %__MODULE__{samples: binary(), sample_rate: pos_integer(), info: map(), warnings: [String.t()]}

  @doc "Seconds of sound."
  @spec seconds(t()) :: float()
  def seconds(%{samples: samples, sample_rate: rate}), do: byte_size(samples) / 4 / rate

  @doc "Float32 samples as signed 16-bit ones, little-endian."
  @spec pcm16(binary()) :: binary()
  def pcm16(samples) do
    for <<sample::float-32-native <- samples>>, into: <<>> do
      <<round(max(-1.0, min(1.0, sample)) * 32767)::signed-little-16>>
    end
  end

  @doc "A WAV file of it, 16 bits a sample."
  @spec wav(t()) :: binary()
  def wav(%{samples: samples, sample_rate: rate}) do
    pcm = pcm16(samples)
    size = byte_size(pcm)

    format =
      <<16::little-32, 1::little-16, 1::little-16, rate::little-32, rate * 2::little-32, 2::little-16, 16::little-16>>

    <<"RIFF", size + 36::little-32, "WAVE", "fmt ", format::binary, "data", size::little-32, pcm::binary>>
  end
end
