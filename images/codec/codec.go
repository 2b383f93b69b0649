// Package codec turns chunks into what lies in packs and back.
//
// Stored form: one zstd frame per chunk (RFC 8878, no checksum: the digest is checked), or the content
// itself where the frame would not be shorter. Which of the two is seen from the lengths in the index.
//
// Guarantees: the stored form is never longer than the content; Decode never gives more than the length
// asked for, nor uses more memory than a chunk may have, whatever the bytes say. An Encoder or Decoder
// belongs to one goroutine.
package codec

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/nattevakt/nattevakt/images/chunk"
)

// Encoder compresses chunks.
type Encoder struct{ z *zstd.Encoder }

// NewEncoder makes an encoder at zstd's default level.
func NewEncoder() (*Encoder, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(chunk.MaxSize), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("make zstd encoder: %w", err)
	}
	return &Encoder{z}, nil
}

// Encode appends the stored form of content to dst.
func (e *Encoder) Encode(dst, content []byte) []byte {
	start := len(dst)
	dst = e.z.EncodeAll(content, dst)
	if len(dst)-start < len(content) {
		return dst
	}
	return append(dst[:start], content...)
}

// Decoder decompresses chunks.
type Decoder struct{ z *zstd.Decoder }

// NewDecoder makes a decoder.
func NewDecoder() (*Decoder, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(chunk.MaxSize), zstd.WithDecoderMaxWindow(chunk.MaxSize))
	if err != nil {
		return nil, fmt.Errorf("make zstd decoder: %w", err)
	}
	return &Decoder{z}, nil
}

// Decode gives the content of a chunk of the given length and digest. The result lies in dst's array
// where it fits, and may be stored itself.
func (d *Decoder) Decode(dst, stored []byte, length int, want chunk.Digest) ([]byte, error) {
	content := stored
	if len(stored) != length {
		var err error
		if content, err = d.z.DecodeAll(stored, dst[:0]); err != nil {
			return nil, fmt.Errorf("chunk %s: %w", want, err)
		}
	}
	if len(content) != length {
		return nil, fmt.Errorf("chunk %s: %d bytes, index says %d", want, len(content), length)
	}
	if got := chunk.Sum(content); got != want {
		return nil, fmt.Errorf("chunk %s: content has digest %s", want, got)
	}
	return content, nil
}

// Close frees the decoder.
func (d *Decoder) Close() { d.z.Close() }
