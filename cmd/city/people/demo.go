package people

// demo are the people examples and documentation speak of. Each is the head of
// a household; ana and istvan live with somebody. Their CNPs are test vectors.
var demo = [...]struct{ login, given, family, cnp string }{
	{"ana", "Ana", "Mureșan", "2920229120001"},
	{"", "Răzvan", "Mureșan", "1900315120009"},
	{"ion", "Ion", "Țîrlea", "1850415120007"},
	{"maria", "Maria", "Câmpean", "2780812120003"},
	{"istvan", "István", "Lőrincz", "1850101120001"},
}

const named = len(demo)

// demoHouses are the sizes of the first households.
var demoHouses = [...]int{2, 1, 1, 1}

// demoSlots are the codes nobody else may get.
func demoSlots() map[string]bool {
	taken := make(map[string]bool, named)
	for _, d := range demo {
		taken[d.cnp] = true
	}
	return taken
}
