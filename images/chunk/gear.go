package chunk

import "encoding/binary"

// Normalisation level 2 of FastCDC: before AvgSize a cut needs two bits more than log2(AvgSize), after
// it two bits fewer. The high bits are tested because they depend on the last 64 bytes.
const (
	maskSmall = uint64(1<<18-1) << 46
	maskLarge = uint64(1<<14-1) << 50
	// hashReach is how many bytes a Gear hash remembers.
	hashReach = 64
)

// gear holds one random number per byte value: splitmix64 (Steele et al., OOPSLA 2014) from gearSeed.
var gear = makeGear(0x6e61747465766b74)

func makeGear(seed uint64) (t [256]uint64) {
	for i := range t {
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		t[i] = z ^ z>>31
	}
	return t
}

// cut gives the length of the chunk that b starts with. b is at most MaxSize long.
func cut(b []byte) int {
	if len(b) <= MinSize {
		return len(b)
	}
	var h uint64
	for _, c := range b[MinSize-hashReach : MinSize] {
		h = h<<1 + gear[c]
	}
	normal := min(len(b), AvgSize)
	for i, c := range b[MinSize:normal] {
		h = h<<1 + gear[c]
		if h&maskSmall == 0 {
			return MinSize + i + 1
		}
	}
	for i, c := range b[normal:] {
		h = h<<1 + gear[c]
		if h&maskLarge == 0 {
			return normal + i + 1
		}
	}
	return len(b)
}

// IsZero reports whether every byte of b is zero.
func IsZero(b []byte) bool {
	for len(b) >= 32 {
		if binary.LittleEndian.Uint64(b)|binary.LittleEndian.Uint64(b[8:])|
			binary.LittleEndian.Uint64(b[16:])|binary.LittleEndian.Uint64(b[24:]) != 0 {
			return false
		}
		b = b[32:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
