package main

import "github.com/spf13/cobra"

func floorsCommand() *cobra.Command { return &cobra.Command{Use: "floors", Hidden: true} }
func growthCommand() *cobra.Command { return &cobra.Command{Use: "growth", Hidden: true} }
