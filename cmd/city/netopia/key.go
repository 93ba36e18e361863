package netopia

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"sync"

	"racord/cmd/city/dice"
)

// signingKey is the key notifications are signed with. It is the same in every
// city, like all credentials, so that it can stand in a manifest; it protects
// invented money only.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey { return derive("netopia notifications") })

// forgersKey signs what is not from Netopia.
var forgersKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // never fails (crypto/rand)
	}
	return key
})

// PublicKey is what merchants verify notifications with, in PEM.
func PublicKey() string {
	der, err := x509.MarshalPKIXPublicKey(signingKey().Public())
	if err != nil {
		panic(err) // an RSA key can always be written
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// derive makes the RSA key of 2048 bits that belongs to a name.
func derive(name string) *rsa.PrivateKey {
	d := dice.New(2048, name)
	e := big.NewInt(65537)
	p, q := prime(&d, e), prime(&d, e)
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: int(e.Int64())},
		D:         new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q},
	}
	key.Precompute()
	if err := key.Validate(); err != nil {
		panic(err) // the dice always fall the same way; a bad key is a broken build
	}
	return key
}

// prime rolls a prime of 1024 bits whose two highest bits are set.
func prime(d *dice.Dice, e *big.Int) *big.Int {
	one := big.NewInt(1)
	for {
		p := new(big.Int)
		for range 16 {
			p.Lsh(p, 64).Or(p, new(big.Int).SetUint64(d.Uint64()))
		}
		p.SetBit(p, 1023, 1).SetBit(p, 1022, 1).SetBit(p, 0, 1)
		minus := new(big.Int).Sub(p, one)
		if new(big.Int).GCD(nil, nil, e, minus).Cmp(one) == 0 && p.ProbablyPrime(20) {
			return p
		}
	}
}
