package main

import (
	"fmt"
	"path/filepath"
	"strconv"

	"racord/cmd/city/town"
	"racord/config"
)

// demoProviders are the demo city's contracts with its two payment providers:
// the one that captures by hand first, because it lets creditors be asked again
// before money is taken. Refunding over the API is an ability that Netopia does
// not document; the sandbox has it, so the demo switches it on.
func demoProviders(city *town.Town, secrets string, bases map[string]string) ([]config.Provider, error) {
	manifests, err := readManifests(config.DemoCreditors(), bases)
	if err != nil {
		return nil, err
	}
	points, mids, keys := map[string]string{}, map[string]string{}, map[string]string{}
	for _, m := range manifests {
		for _, account := range m.Creditor.Accounts {
			name := fmt.Sprintf("%s/%s", m.Creditor.Name, account.ID)
			for _, merchant := range city.MerchantAccounts() {
				if merchant.IBAN == account.IBAN && merchant.Creditor == string(m.Creditor.Name) && points[name] == "" {
					points[name] = strconv.Itoa(merchant.PosID)
					mids[name] = merchant.EuPlatesc
					keys[merchant.EuPlatesc] = "euplatesc-key-" + merchant.Key
				}
			}
		}
	}
	return []config.Provider{
		{Kind: "euplatesc", EuPlatesc: &config.EuPlatesc{
			Terms:   config.Terms{Kind: "euplatesc", Name: "euplatesc", Title: "EuPlătesc.ro", Merchants: mids},
			PageURL: city.URL() + "/euplatesc/tdsprocess/tranzactd.php", ManagerURL: city.URL() + "/euplatesc/manager/v3/index.php",
			Keys: keys, UserKey: "euplatesc-user-key", UserAPI: "euplatesc-user-api", Capture: "manual",
		}},
		{Kind: "netopia", Netopia: &config.Netopia{
			Terms:   config.Terms{Kind: "netopia", Name: "netopia", Title: "NETOPIA Payments", Merchants: points, Extras: []string{"refund"}},
			BaseURL: city.URL() + "/netopia", Signature: city.Credentials()["netopia-pos-signature"], APIKey: "netopia-api-key",
			PublicKeyFile: filepath.Join(secrets, "netopia", "netopia-public-key"),
			Contact:       config.Contact{Email: "plati@napoca-test.invalid", Phone: "0264000000", City: "Napoca-Test", County: "Cluj", PostalCode: "400000"},
		}},
	}, nil
}
