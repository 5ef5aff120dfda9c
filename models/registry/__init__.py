"""Which model is in production: artefact folders, a gate, and one small file that is replaced atomically.

    models/                              model.registry, in the data folder or on a shared volume
      riskwire-minilm-2.0.0-1f3a9c42/    an artefact, never changed once it is here
      riskwire-minilm-2.0.0-1f3a9c42.judged.json    its figures, and what the gate said
      production.json                    path and sha256 of the artefact that scores, and the history

Running processors poll `production.json` (`reload`). Without one the packaged artefact scores.
"""
