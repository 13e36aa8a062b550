// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

// polynomial is that of gzip's CRC-32, its bits reversed.
const polynomial = 0xedb88320

// combine returns the CRC-32 of A followed by B, where a is the CRC-32 of A, b that
// of B, and n the length of B in bytes. A CRC is the remainder of a polynomial, and
// to append n bytes is to multiply by x to the 8n-th. The time grows with the
// logarithm of n.
func combine(a, b uint32, n int) uint32 {
	power := uint32(1) << 31  // x to the 0th: the highest bit, since bits are reversed
	factor := uint32(1) << 23 // x to the 8th
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			power = multiply(power, factor)
		}
		factor = multiply(factor, factor)
	}
	return multiply(power, a) ^ b
}

// multiply returns the product of two polynomials modulo that of CRC-32.
func multiply(a, b uint32) uint32 {
	product := uint32(0)
	for bit := uint32(1) << 31; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		if b&1 != 0 {
			b = b>>1 ^ polynomial
		} else {
			b >>= 1
		}
	}
	return product
}
