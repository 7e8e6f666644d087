"""The main job on real data: four years of NOAA's daily weather of Seattle and New York, 2012-2015."""
