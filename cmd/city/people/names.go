package people

var (
	romanianFamilies = []string{
		"Mureșan", "Țîrlea", "Câmpean", "Sârbu", "Sîrbu", "Pop", "Popescu", "Rusu", "Moldovan", "Crișan",
		"Bălan", "Lupșa", "Stănescu", "Vălean", "Ștefănescu", "Țăranu", "Hădărean", "Oltean", "Chiș", "Boțan",
		"Drăgan", "Gîrbea", "Mîndruț", "Brîndușan", "Pârvu", "Rîșcă", "Ardelean", "Șuteu", "Timiș", "Zăgrean",
	}
	hungarianFamilies = []string{
		"Kovács", "Nagy", "Lőrincz", "Szabó", "Tóth", "Gergő", "Bíró", "Fülöp", "Kőműves", "Székely", "Győri", "Mészáros",
	}
	romanianWomen = []string{
		"Ana", "Maria", "Ioana", "Măriuca", "Anuța", "Brândușa", "Cătălina", "Raluca", "Lăcrămioara", "Viorica", "Ștefania", "Ilinca",
	}
	romanianMen = []string{
		"Ion", "Ioan", "Călin", "Ștefan", "Răzvan", "Bogdan", "Mihăiță", "Grațian", "Vlăduț", "Nicolae", "Dănuț", "Tudor",
	}
	hungarianWomen = []string{"Ildikó", "Erzsébet", "Zsófia", "Tünde", "Réka", "Kinga", "Csöpi"}
	hungarianMen   = []string{"István", "László", "Gergő", "Zoltán", "Ernő", "Jenő", "Attila"}
	trades         = []string{
		"Moara Țării", "Brutăria Bună", "Șurub și Piuliță", "Livada Însorită", "Atelierul Ănos", "Pâinea Caldă",
		"Tâmplăria Căpușu", "Someș Impex", "Făget Construct", "Kőház Építő", "Stâna din Deal", "Țesătoria Nouă",
	}
	companyForms = []string{"SRL", "S.R.L.", "SA", "SRL-D", "PFA"}
	streets      = []string{
		"Str. Fîntînii", "Aleea Băița", "Str. Țebei", "Bd. Muncitorilor", "Str. Șesului", "Calea Mănăștur-Test", "Str. Înfrățirii",
		"Str. Câmpului", "Aleea Rășinari", "Str. Győri", "Piața Ștrandului", "Str. Plopilor", "Str. Bună Ziua-Test", "Str. Kőváry",
	}
)
