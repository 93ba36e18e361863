package connectors_test

import (
	"strings"
	"testing"

	"racord/connectors"
	"racord/hub"
)

// sumsUp is a mapping whose amount is an expression.
func sumsUp(expression string) string {
	return `    items: debts
    map:
      external_id: id
      kind: ="tax.building"
      outstanding:
        expr: |-
          ` + expression + "\n"
}

// TestAnExpressionIsBounded uses few elements, so that what is not bounded ends all
// the same.
func TestAnExpressionIsBounded(t *testing.T) {
	many := `{"debts":[{"id":"x","due":"1,00","tag":"abcdefgh","more":[[1]]}],"all":[0` + strings.Repeat(",0", 399) + `],"long":"` + strings.Repeat("x", 3000) + `"}`
	doubled := "let a0 = record.tag; "
	for _, names := range []string{"a0 a1", "a1 a2", "a2 a3", "a3 a4", "a4 a5", "a5 a6", "a6 a7", "a7 a8", "a8 a9", "a9 b0", "b0 b1", "b1 b2", "b2 b3", "b3 b4", "b4 b5"} {
		from, to, _ := strings.Cut(names, " ")
		doubled += "let " + to + " = " + from + " + " + from + "; "
	}
	for name, tc := range map[string]struct {
		expression string
		want       int64 // 0 = refused
	}{
		"a sum of a list":                      {`sum(root.debts, money_ro(.due)) + len(root.all)`, 500},
		"a list in a list":                     {`count(root.all, # == 0 && any(root.debts, .id == record.id))`, 400},
		"words":                                {`int(split(trim(upper(record.tag)) + "-7", "-")[1]) + 1`, 8},
		"one of several":                       {`record.id in ["x", "y"] ? 5 : 6`, 5},
		"a part that is missing":               {`record?.none?.deep == nil && not (record.id in ["z"]) ? 5 : 6`, 5},
		"the larger one":                       {`max(money_ro(record.due), 0) - int(record.none ?? 1)`, 99},
		"a text that is looked at a few times": {`count(root.all, root.long == "x") + 1`, 1},
		"a text that doubles":                  {doubled + `len(b5)`, 0},
		"a text that grows piece by piece":     {`len(first(filter(root.debts, len(` + strings.Repeat("(", 14) + "record.tag" + strings.Repeat(" + root.long + root.long)", 14) + `) > 0)).tag)`, 0},
		"a list in a list in a list":           {`all(root.all, all(root.all, all(root.all, true))) ? 5 : 6`, 0},
		"a long text looked at over and over":  {`count(root.all, any(root.all, root.long contains "y" || root.long + "y" == root.long)) + 1`, 0},
		"trees that are compared":              {`root == record ? 5 : 6`, 0},
	} {
		a, err := read(t, sumsUp(tc.expression), many, hub.Asked{})
		switch {
		case err != nil || len(a.Obligations)+len(a.Refused) != 1:
			t.Errorf("%s: got %+v, %v, want a debt or a refusal", name, a, err)
		case tc.want == 0 && (len(a.Refused) != 1 || a.Refused[0].Code != "bad_expression"):
			t.Errorf("%s: got %+v, want it refused", name, a)
		case tc.want != 0 && (len(a.Obligations) != 1 || a.Obligations[0].Outstanding != hub.Bani(tc.want)):
			t.Errorf("%s: got %+v, want %d", name, a, tc.want)
		}
	}
}

// What can make much out of little is a mistake of the manifest.
func TestAnExpressionIsOfWhatIsOffered(t *testing.T) {
	for expression, want := range map[string]string{
		`reduce(root.debts, #acc + #acc, "x")`:            `outstanding: expression: reduce is not offered; one of all, any,`,
		`len(repeat(record.id, 9))`:                       `repeat is not offered`,
		`len(replace(record.id, "", root.long))`:          `replace is not offered`,
		`len(join(root.debts, root.long))`:                `join is not offered`,
		`len(map(root.debts, root))`:                      `map is not offered`,
		`len(groupBy(root.debts, .id))`:                   `groupBy is not offered`,
		`len(flatten(root.debts))`:                        `flatten is not offered`,
		`len(toJSON(root))`:                               `toJSON is not offered`,
		`now().Year()`:                                    `is not offered`,
		`sum(1..9)`:                                       `".." is not offered`,
		`record.id matches "x{1000}" ? 1 : 2`:             `"matches" is not offered`,
		`2 ** 9`:                                          `"**" is not offered`,
		`len([root, root])`:                               `a list in brackets holds`,
		`len({"a": root})`:                                `neither maps nor sequences`,
		`record.id; 5`:                                    `neither maps nor sequences`,
		`_work(-5) == nil ? 1 : 2`:                        `unknown name _work`,
		`$env["_work"] == nil ? 1 : 2`:                    `unknown name $env`,
		`record.id()`:                                     `only functions can be called`,
		`len(upper("` + strings.Repeat("x", 1001) + `"))`: `a text has at most 1000 bytes`,
		`sum([` + strings.Repeat("1,", 600) + `1])`:       `exceeds maximum allowed nodes`,
	} {
		_, err := connectors.NewCatalog(paper).Parse("hall.yaml", []byte(paperHead+sumsUp(expression)))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "hall.yaml:1") {
			t.Errorf("%.60s: got %v, want a mistake with %q", expression, err, want)
		}
	}
}
