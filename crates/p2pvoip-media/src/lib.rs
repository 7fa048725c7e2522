//! Voice to packets and back: payload format, jitter buffer, playout, WAV and PCM.
