"""The demo: a synthetic market, a stand-in for FCM, and a day played over HTTP."""
