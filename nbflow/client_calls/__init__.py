"""What `clients.Client` is asked, noun by noun, under Prefect's names: each a call of the port."""
