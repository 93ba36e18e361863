package kinds

//go:generate go test -run TestGeneratedPagesAreUpToDate -update
