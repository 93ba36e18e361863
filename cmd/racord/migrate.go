package main

import (
	"context"
	"fmt"

	"racord/config"
)

type migrateCommand struct {
	Config string `help:"Configuration file." default:"racord.yaml" type:"path"`
}

// Run opens the store, which migrates it, and closes it again.
func (c *migrateCommand) Run(ctx context.Context, to streams) error {
	conf, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	store, _, err := openStore(ctx, conf, func(whom string) {
		fmt.Fprintf(to.log, "waiting until others have done with the tables: %s\n", whom)
	})
	if err != nil {
		return err
	}
	if err := store.Ready(ctx); err != nil {
		return err
	}
	has, knows := schemaOf(store)
	fmt.Fprintf(to.out, "the database is at version %d, and this binary knows %d\n", has, knows)
	return store.Close()
}
