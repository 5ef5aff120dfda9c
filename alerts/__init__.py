"""ScoredDocument → Alert → people.

loader, rules          rules.yml → RuleSet
samples, windows       what a window keeps, and exact totals of it (event time)
states, cells, evaluate   documents × rules × time → pending, firing, resolved (pure)
describe               a reading → the Alert that a desk reads
engine                 scored stream → evaluate → stored states → notices → offset
pipeline, groups, dedup, receivers   group → dedup → send with retry → record
notifiers/, build      the ways to tell people, made from the settings
"""
