"""How the trainer recognises: pipelines, galleries, classifiers."""
