DROP TABLE bonus_stars;
