"""Event Grid on loopback: topics to publish to, subscriptions with filters, delivery that loses nothing."""

from local.eventgrid.filters import AdvancedFilter, Filter
from local.eventgrid.service import EventGrid, Topic
from local.eventgrid.subscription import RetryPolicy, Subscription

__all__ = ["AdvancedFilter", "EventGrid", "Filter", "RetryPolicy", "Subscription", "Topic"]
