"""Text → model artefact → Scorer.

The runtime half (`inference`, `artefact`, `encoding`, `windows`, `decode`, `symbols`) needs numpy, onnxruntime and
tokenizers. The training half (`train` and what it calls) needs the `train` extra and is never imported at run time.
"""
