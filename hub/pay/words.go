package pay

// kinds are the sorts of debt in words, for creditors that do not name what they
// are owed in words of their own.
var kinds = map[string]string{
	"tax.building":      "Impozit pe clădiri",
	"tax.land":          "Impozit pe teren",
	"tax.vehicle":       "Impozit pe mijloace de transport",
	"tax.waste":         "Taxă de salubrizare",
	"tax.special":       "Taxă specială",
	"fine.traffic":      "Amendă de circulație",
	"fine.parking":      "Amendă pentru parcare",
	"fine.public_order": "Amendă pentru tulburarea ordinii publice",
	"fine.cleanliness":  "Amendă pentru curățenie",
	"water.bill":        "Factură de apă și canalizare",
	"heating.bill":      "Factură de energie termică",
	"electricity.bill":  "Factură de energie electrică",
	"gas.bill":          "Factură de gaze naturale",
	"waste.bill":        "Factură de salubritate",
	"hoa.maintenance":   "Întreținere",
}

// inWords says on a receipt what was paid.
func inWords(label string) string {
	if words, known := kinds[label]; known {
		return words
	}
	return label
}
