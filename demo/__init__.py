"""The demo: a made-up market, a stand-in for FCM, and a day played over HTTP."""
