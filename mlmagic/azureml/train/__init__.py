"""``azureml.train``: of what trained models in v1's cloud, the shape of its automated runs."""
