"""What every test shares: patience, since how fast a machine is says nothing about whether the code is right."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
