"""How a user writes down what is wanted, in YAML: profiles, recipes, rules; and the line that says what is wrong."""
